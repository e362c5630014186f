# Cutting over and back: what is served before and after, and what is refused.
. "$DATA/try.sh"
try tandem status
try tandem rollback
try tandem promote churn
shop_home
quiet tandem run churn --as-of 2013-06-14T06:00:00Z
quiet tandem run churn --as-of 2013-06-15T06:00:00Z
try tandem rollback
try tandem promote churn --table v000001 --expect 0
try tandem promote churn --table v000001
try tandem promote churn --expect 0
try tandem status | no_machine
try tandem promote churn --expect 7
try tandem --json promote churn --expect 1
try tandem --json status
try tandem promote churn --table v000009
try tandem rollback
try tandem rollback churn
try tandem rollback other
try tandem status | no_machine
try tandem release list
