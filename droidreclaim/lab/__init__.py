"""The lab: the pocket phone, the launch storm and the demo. Nothing below knows them."""
