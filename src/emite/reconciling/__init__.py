"""What we believe of our CFDI against what the SAT and the PAC say, listing only what differs.
Not here: the stamp (documents/), the cancellation (cancellations/). Nothing in this folder ever stamps or cancels."""
