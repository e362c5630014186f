# What serve refuses before it listens.
. "$DATA/try.sh"
try tandem serve extra
try tandem serve --listen 8000
try tandem serve --listen 127.0.0.1:0 --admin "127.0.0.1:http"
try tandem serve --threads many
try tandem serve --threads 257
try tandem serve --model churn.txt
try tandem serve --model =churn.txt
try tandem serve --model churn=
try tandem serve --set
try tandem serve --set head_s
try tandem serve --set head_=3
try tandem serve --set head_s=0
try tandem serve --set head_s=1.5
try tandem serve --set unheard_of=1
try tandem --json serve --set drain_s=-1
try tandem serve --listen 127.0.0.1:0 --model churn=no-such-file.txt
try tandem serve --listen 127.0.0.1:0 --listen 127.0.0.1:0
ls
mkdir notes
echo dear >notes/letter.txt
try tandem --home notes serve --listen 127.0.0.1:0
shop_home
mkfifo pipe
tandem load regions pipe 2>/dev/null & # holds the lock until the pipe has an end
exec 3>pipe
try tandem serve --listen 127.0.0.1:0
exec 3>&-
wait
