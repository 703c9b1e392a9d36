"""Entries as the items of a DynamoDB table, through boto3's low-level client."""
