#!/bin/sh
# A site, and how CodeDeploy lays it out.
mkdir -p site && echo "open from 9 to 5" > site/index.html
printf 'version: 0.0\nos: linux\nfiles:\n  - source: site\n    destination: /site\n' > appspec.yml
