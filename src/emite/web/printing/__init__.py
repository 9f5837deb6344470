"""From charges and slips to what is printed of them. Drawing PDF lives in `typeset`, who may print in `desk`."""
