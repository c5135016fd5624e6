"""The subcommands of `vqscope`, one file each, imported only when called."""
