"""Problems: data sets generated from their equations, seeded, with declared input ranges."""
