/* Gates as JSON and as messages, for runs and tables. */
#ifndef TANDEM_APP_CMD_GATES_H
#define TANDEM_APP_CMD_GATES_H

#include <tandem/tandem.h>

void gates_as_json(tdm_json *j, const tdm_gate_result *gate, size_t n);
void gates_as_messages(const tdm_gate_result *gate, size_t n);
void gates_as_text(const tdm_gate_result *gate, size_t n, tdm_text *out);

#endif
