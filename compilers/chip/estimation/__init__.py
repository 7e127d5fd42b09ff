"""What a placed Program costs on a chip: operations counted from measured activity, time and energy as ranges."""
