"""Published tables, row by row: what a row is, how rows are run and reported, and the rows themselves."""
