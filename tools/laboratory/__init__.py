"""Parts of tools/lab, the namespace laboratory. Python standard library only."""
