# Prediction tables: listed, shown, looked up, exported.
. "$DATA/try.sh"
try tandem table list
shop_home
quiet tandem run churn --as-of 2013-06-14T06:00:00Z
quiet tandem run churn --as-of 2013-06-15T06:00:00Z
try tandem table list
try tandem --json table list
try tandem table show v000001
try tandem table get v000001 ann
try tandem --json table get churn/v000002 ann
try tandem table export v000001
try tandem table export v000001 --format jsonl
try tandem table get v000001 zoe
try tandem table get v000003 ann
try tandem table get other/v000001 ann
try tandem table show 1
