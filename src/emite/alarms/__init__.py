"""What somebody must be told away from the screen: found every minute, told by mail and webhook, closed by itself.
Not the rules of each thing, which live where the thing lives; here they are asked, kept and told."""
