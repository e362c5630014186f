# Runs that cannot begin: nothing is published.
. "$DATA/try.sh"
try tandem run churn
shop_home
try tandem run chrn
try tandem run churn --population none.csv
try tandem run churn --population - <"$DATA/shop/customers.csv"
try tandem run churn --population "$DATA/shop/regions.csv"
: >empty.csv
try tandem run churn --population empty.csv
try tandem --json run chrn
try tandem table list
