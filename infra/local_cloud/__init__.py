"""The local deployer: runs the Pulumi program on one machine, with a real part behind each of its resources."""
