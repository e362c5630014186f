# Two services in one epoch move on their own.
. "$DATA/try.sh"
shop_home
cp "$DATA"/shop/* .
sed -i 's/name: churn/name: other/; /golden/d' release.yaml
sed -i 's/"intercept": 1}/"intercept": 2}/' main.json
quiet tandem release pack .
services() {
    tandem --json status | grep -o '"service":"[a-z]*"\|"table":"[a-z0-9]*"\|"since_epoch":[0-9]*' | paste -sd' '
}
quiet tandem run churn --as-of 2013-06-14T06:00:00Z --promote
services
try tandem run other --as-of 2013-06-14T06:00:00Z --promote --threads 2
services
quiet tandem run churn --as-of 2013-06-15T06:00:00Z --promote
services
try tandem rollback churn
services
try tandem promote other --table v000001
try tandem rollback other
services
for table in v000001 v000002 v000003; do tandem table get $table ann | cut -c1-70; done
