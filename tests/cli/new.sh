# A trained model and a CSV: a release folder, packed, run, promoted, asked.
. "$DATA/try.sh"
sed 's/Column_/f/g' "$ROOT/tests/parity/data/binary-v4.txt" >churn.txt
try tandem new churn --model churn.txt
cat churn/release.yaml
cat >rows.csv <<'R'
row,f0,f1,f2,f3,f4,f5
1,0.5,-1,0,2.25,,1000
2,,,,,,
b|c,-0.25,3,1,0.5,0,12
R
tandem release pack churn | wc -c
try tandem run churn
try tandem run churn --population rows.csv --as-of 2013-06-14T02:00:00Z --promote --threads 2
try tandem table export v000001
try tandem table get v000001 1 | no_machine
try tandem predict churn --key row=1 --set f0=0.5 --set f1=-1 --set f2=0 --set f3=2.25 --set f5=1000 \
    --as-of 2013-06-14T02:00:00Z
tandem model predict churn.txt --data rows.csv
