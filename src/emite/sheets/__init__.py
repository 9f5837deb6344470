"""Files that a spreadsheet opens: CSV by lines, XLSX. What the columns mean is decided by who writes."""
