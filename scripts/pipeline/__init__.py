"""From images to an archive: data, training, export, quantization, gate."""
