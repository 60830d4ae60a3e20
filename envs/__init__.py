"""The worlds that ship, one file each; copy one to add yours. Read by `shardsim.base.content`."""
