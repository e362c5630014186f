# Damaged files are refused with a clear word and exit code 3; what is not touched goes on.
. "$DATA/try.sh"
shop_home
quiet tandem run churn --as-of 2013-06-14T06:00:00Z --promote
quiet tandem run churn --as-of 2013-06-15T06:00:00Z
flip() { printf '\377' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }
flip tandem-home/tables/v000002/manifest 100
try tandem table list
try tandem table show v000002
try tandem promote churn
flip tandem-home/tables/v000001/store 9
try tandem table get v000001 ann
try tandem promote churn --table v000001
try tandem status | no_machine
flip tandem-home/releases/*/main.json 9
try tandem predict churn --key customer=ann
flip tandem-home/CURRENT 60
try tandem status
