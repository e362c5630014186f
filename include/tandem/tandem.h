/* Tandem: a prediction server with a batch path and an online path on one engine and one release.
 *
 * Reading order: status, value, home, release, run, table, epoch, predict, serve. Everything the program does it does
 * through these headers. */
#ifndef TANDEM_TANDEM_H
#define TANDEM_TANDEM_H

#include <tandem/epoch.h>
#include <tandem/home.h>
#include <tandem/json.h>
#include <tandem/model.h>
#include <tandem/predict.h>
#include <tandem/release.h>
#include <tandem/run.h>
#include <tandem/serve.h>
#include <tandem/status.h>
#include <tandem/table.h>
#include <tandem/terminal.h>
#include <tandem/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "0.1.0" */
TDM_API const char *tdm_version(void);

#ifdef __cplusplus
}
#endif
#endif
