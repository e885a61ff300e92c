"""What explanations cost, whether int8's are float32's, and whether a map shows what the answer hangs on."""
