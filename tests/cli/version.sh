. "$DATA/try.sh"
try tandem version
try tandem --version
try tandem --json version
