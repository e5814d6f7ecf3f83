"""What a person can ask for, one file per noun. Services own the transaction and never print."""
