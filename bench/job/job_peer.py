"""The same job in Python: polars reads the CSV and computes the features, LightGBM predicts, polars writes.

    job_peer.py CSV EXAMPLE_FOLDER OUT_CSV OUT_PARQUET THREADS

Run by job.py in the peers' environment (bench/peers.sh). Written as one who knows both libraries would: no Python at
any row, types given, one matrix in the order that predict takes without a copy. Prints its stages' seconds as JSON.
"""

import json
import sys
import time

CLOCK = [time.perf_counter()]


def stage(name, seconds={}):
    now = time.perf_counter()
    seconds[name] = now - CLOCK[0]
    CLOCK[0] = now
    return seconds


def main(path, example, out_csv, out_parquet, threads):
    import lightgbm
    import polars as pl
    stage("import")

    text, whole = pl.String, pl.Int64
    frame = pl.read_csv(path, schema_overrides={
        "flight_key": text, "carrier": text, "flight_number": whole, "last_tailnum": text, "origin": text, "dest": text,
        "distance": pl.Float64, "sched_dep_utc": text, "sched_arr_utc": text, "sched_block_min": whole,
        "origin_hour_departures": whole, "plane_year": whole, "plane_seats": whole, "plane_engines": whole,
        "plane_engine": text, "plane_manufacturer": text})
    stage("read")

    def lookup(name, expression):
        table = pl.read_csv(f"{example}/lookups/{name}.csv")
        return expression.replace_strict(table.to_series(0), table.to_series(1), default=None, return_dtype=pl.Float64)

    def instant(name):
        return pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC", time_unit="us")

    booster = lightgbm.Booster(model_file=f"{example}/main.txt")
    local = pl.col("dep").dt.convert_time_zone("America/New_York")
    frame = frame.with_columns(dep=instant("sched_dep_utc"), arr=instant("sched_arr_utc"))
    frame = frame.with_columns(
        dep_hour=local.dt.hour().cast(whole), dep_minute=local.dt.minute().cast(whole),
        route_air_min=lookup("routes", pl.concat_str("origin", pl.lit("-"), "dest")))
    frame = frame.with_columns(slack_min=pl.col("sched_block_min") - pl.col("route_air_min"))
    frame = frame.with_columns(
        dep_minute_of_day=pl.col("dep_hour") * 60 + pl.col("dep_minute"),
        arr_hour_utc=pl.col("arr").dt.hour(),
        is_weekend=local.dt.weekday() >= 6,
        log_distance=pl.col("distance").log1p(),
        block_speed_mph=pl.col("distance") * 60.0 / pl.col("sched_block_min"),
        slack_share=pl.col("slack_min") / pl.col("route_air_min"),
        carrier_code=lookup("carriers", pl.col("carrier")),
        origin_code=lookup("origins", pl.col("origin")),
        dest_code=lookup("dests", pl.col("dest")),
        is_regional=pl.col("carrier").is_in(["9E", "EV", "MQ", "OO", "YV"]),
        plane_seen=pl.col("last_tailnum").is_not_null(),
        plane_known=pl.col("plane_engine").is_not_null(),
        plane_age=local.dt.year() - pl.col("plane_year"),
        plane_is_jet=pl.col("plane_engine").str.starts_with("Turbo-"),
        manufacturer_code=lookup("manufacturers", pl.col("plane_manufacturer")))
    matrix = frame.select(pl.col(name).cast(pl.Float64) for name in booster.feature_name()).to_numpy(order="c")
    stage("features")

    late = booster.predict(matrix, num_threads=int(threads))
    stage("model")
    out = pl.DataFrame({"flight_key": frame["flight_key"], "late": late})
    out.write_csv(out_csv)
    stage("csv")
    out.write_parquet(out_parquet)
    print(json.dumps(stage("parquet")))


if __name__ == "__main__":
    main(*sys.argv[1:])
