"""The LocalStack plugin: what the free LocalStack lacks to run the product as AWS would.

Lambda functions as local processes, authorizers, gateway responses, a front door for the API,
queues that are polled at once, and CloudFormation resources of SES.
"""
