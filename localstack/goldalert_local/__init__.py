"""What exists on the local machine only: the LocalStack plugin, the stores, the stack."""
