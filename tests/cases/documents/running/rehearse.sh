#!/bin/sh
echo "rehearsed"
