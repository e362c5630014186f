# The overview, and the help of a group, without a home and with exit code 0.
. "$DATA/try.sh"
try tandem --help
try tandem help table
try tandem source --help
try tandem help table get
try tandem help tables
ls -A
