# A golden row is printed, packed, and then holds the release to its bits.
. "$DATA/try.sh"
shop_home
tandem predict churn --key customer=cid --set coupon=-0.0 --as-of 2013-06-14T06:00:00Z --golden | tee row
try tandem predict churn --key customer=zoe --golden
cp "$DATA"/shop/* .
cat row >>golden.jsonl
quiet tandem release pack .
try tandem promote churn
sed -i 's/"intercept": 1}/"intercept": 1.0000000000000002}/' main.json
quiet tandem release pack .
try tandem promote churn
try tandem run churn --as-of 2013-06-14T06:00:00Z --threads 2
try tandem status | no_machine
