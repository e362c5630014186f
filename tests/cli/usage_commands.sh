# Wrong commands: exit code 2, and what was meant.
. "$DATA/try.sh"
try tandem
try tandem frobnicate
try tandem promot
try tandem sorce list
try tandem source
try tandem source lst
try tandem --hom x status
try tandem --home
try tandem --json frobnicate
ls -A
