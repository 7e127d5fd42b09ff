"""Networks: spiking PyTorch modules with direct-coded inputs and a linear readout."""
