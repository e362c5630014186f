# One answer by the best rung that can give one; and what is wrong with a question.
. "$DATA/try.sh"
shop_home
as_of=2013-06-14T06:00:00Z
ask() { try tandem predict churn --as-of $as_of "$@"; }
ask --key customer=ann --set coupon=1
ask --key customer=ann
ask --key customer=bob --set coupon= --features
ask --key customer=zoe --set coupon=3
ask --key customer=zoe
quiet tandem run churn --as-of $as_of --promote
ask --key customer=ann --set coupon=1
ask
ask --key customer=
ask --key custmer=ann
ask --key customer=ann --set coupn=1
ask --key customer=ann --set coupon=much
ask --key customer=ann --set coupon=nan
ask --key customer=ann --set coupon=1e9
try tandem predict chrn --key customer=ann
try tandem --json predict churn --key customer=ann --set coupon=much
ask --key customer=ann --key customer=bob
ask --key customer=ann --set coupon=1 --set coupon=
