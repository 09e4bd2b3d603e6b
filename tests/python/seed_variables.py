"""Puts the AWS values that tests/cases/variables.json assumes into an emulator.

python seed_variables.py ENDPOINT FILE
"""

import json
import sys

import boto3


def main() -> None:
    endpoint, path = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        seeds = json.load(file)["seeds"]

    def client(service: str, region: str):
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=endpoint,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    for region, parameters in seeds["ssm"].items():
        ssm = client("ssm", region)
        for parameter in parameters:
            values = parameter.get("values") or [parameter["value"]]
            for value in values:
                ssm.put_parameter(
                    Name=parameter["name"], Type=parameter["type"], Value=value, Overwrite=True
                )
    for region, secrets in seeds["secrets"].items():
        manager = client("secretsmanager", region)
        for secret in secrets:
            manager.create_secret(Name=secret["name"], SecretString=secret["value"])
    for region, buckets in seeds["s3"].items():
        s3 = client("s3", region)
        for bucket, objects in buckets.items():
            s3.create_bucket(Bucket=bucket)
            for key, body in objects.items():
                s3.put_object(Bucket=bucket, Key=key, Body=body.encode())
    for region, stacks in seeds["cf"].items():
        cloudformation = client("cloudformation", region)
        for stack, outputs in stacks.items():
            template = {
                "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
                "Outputs": {
                    # `${…}` in the value is text, not a substitution of CloudFormation
                    key: {"Value": value}
                    for key, value in outputs.items()
                },
            }
            cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(template))


main()
