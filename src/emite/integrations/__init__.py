"""What other systems hold here: keys, the requests they may repeat, the addresses that are told what happened.
What they may ask lives in `web.api`; what happened, in the apps above."""
