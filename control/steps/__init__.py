"""What a procedure is made of: each step knows how to do one thing on the rig."""
