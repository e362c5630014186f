# While another process holds the home's write lock, writers are refused at once and readers see no difference.
. "$DATA/try.sh"
shop_home
quiet tandem run churn --as-of 2013-06-14T06:00:00Z --promote
mkfifo pipe
tandem load regions pipe 2>/dev/null & # holds the lock until the pipe has an end
exec 3>pipe
for command in "source add $DATA/shop/sources.yaml" "load regions $DATA/shop/regions.csv" "release pack $DATA/shop" \
    "run churn" "promote churn" "rollback"; do
    tandem $command 2>err
    echo "$command: $?" | sed "s|$DATA/||"
done
cat err
try tandem --json rollback
try tandem table get v000001 ann
try tandem predict churn --key customer=ann --as-of 2013-06-14T06:00:00Z
try tandem status | no_machine
try tandem table list
cat "$DATA/shop/regions.csv" >&3
exec 3>&-
wait
try tandem promote churn
