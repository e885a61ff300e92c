"""Ways to quantize one checkpoint, held against each other: `make quantization`."""
