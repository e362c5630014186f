# Wrong arguments and options: exit code 2, before anything is read or made.
. "$DATA/try.sh"
try tandem run
try tandem table get v000001
try tandem status now
try tandem load planes
try tandem status --hme x
try tandem run churn --populaton x.csv
try tandem run churn --as-of
try tandem run churn --as-of yesterday
try tandem run churn --as-of 2013-06-14T02:00:00
try tandem run churn --threads many
try tandem run churn --promote --promote
try tandem promote churn --expect -1
try tandem predict churn --key customer
try tandem predict churn --golden --features
try tandem table export v000001 --format parquet
try tandem model predict m.txt
try tandem model predict m.txt --data rows.csv --output margin
try tandem new churn
try tandem load planes planes.csv --bad-max 101
ls -A
