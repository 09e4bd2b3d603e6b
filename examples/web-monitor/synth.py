"""Writes assembly/ (the stack's template, its parameters for beta and prod) and code/ (the function): python3 synth.py FOLDER."""

import json
import pathlib
import sys


def source():
    """The function in one file, short enough for a template: AWS takes 4 MB of inline code."""
    check = pathlib.Path("monitor/check.py").read_text()
    handler = pathlib.Path("monitor/handler.py").read_text()
    return check + "\n\n" + handler.replace("from monitor import check\n", "").replace("check.look", "look")


def template():
    """The role and the function; in production the Shift action publishes a version and moves the alias."""
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Parameters": {"Environment": {"Type": "String"}, "Sites": {"Type": "String"}},
        "Resources": {
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Principal": {"Service": "lambda.amazonaws.com"},
                                "Action": "sts:AssumeRole",
                            }
                        ],
                    },
                    "ManagedPolicyArns": ["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"],
                },
            },
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "FunctionName": {"Fn::Sub": "web-monitor-${Environment}"},
                    "Handler": "index.handle",
                    "Runtime": "python3.13",
                    "Timeout": 30,
                    "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                    "Environment": {"Variables": {"SITES": {"Ref": "Sites"}}},
                    "Code": {"ZipFile": source()},
                },
            },
        },
    }


def main(folder):
    """Writes both folders."""
    out, code = pathlib.Path(folder, "assembly"), pathlib.Path(folder, "code")
    out.mkdir(parents=True)
    code.mkdir(parents=True)
    (code / "index.py").write_text(source())
    (out / "template.json").write_text(json.dumps(template(), indent=2) + "\n")
    for environment, sites in {"beta": "https://example.com", "prod": "https://example.com,https://example.org"}.items():
        parameters = {"Parameters": {"Environment": environment, "Sites": sites}}
        (out / f"{environment}.json").write_text(json.dumps(parameters, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
