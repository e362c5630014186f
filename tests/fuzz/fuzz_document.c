/* Sealed documents, epochs and table manifests on hostile JSON.
 *
 * The input is taken twice: as the bytes of a file, and as the JSON inside a sound seal, which lets it past the digest.
 * Whatever it is: reading ends with a status; an epoch that is read survives being flipped and read again. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "os/sim_files.h"
#include "release/epoch_file.h"
#include "state/document.h"
#include "table/tables.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        abort();
}

static void write_sealed(tdm__fs *fs, const char *path, const char *kind, const uint8_t *data, size_t size)
{
    tdm__buf file = {0};
    tdm__buf_printf(&file, "tandem %s 1 %016" PRIx64 " %zu\n", kind, tdm__hash64(data, size), size);
    tdm__buf_add(&file, data, size);
    must(!tdm__buf_check(&file, NULL) && !tdm__write_file_durably(fs, path, file.ptr, file.len, NULL));
    tdm__buf_free(&file);
}

static void read_epochs(tdm_home *home)
{
    static tdm__epoch epoch, again;
    tdm_error err;
    if (tdm__epoch_read(home, 7, &epoch, &err)) {
        must(err.status != TDM_OK && err.what[0]);
        return;
    }
    must(epoch.number == 7 && epoch.n <= TDM__SERVICES_MAX);
    epoch.number = 8;
    must(!tdm__epoch_flip(home, &epoch, &err));
    must(!tdm__epoch_read_current(home, &again, &err) && again.number == 8 && again.n == epoch.n);
    must(!memcmp(again.service, epoch.service, epoch.n * sizeof *epoch.service));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tdm__fs *fs = tdm__fs_sim_new(1);
    tdm_home *home = NULL;
    tdm_table *table = NULL;
    json_t *root = NULL;
    tdm_error err;
    must(fs != NULL && !tdm__make_dirs(fs, "h/epochs", &err) && !tdm__make_dirs(fs, "h/tables/v000001", &err));
    must(!tdm__home_open_on(fs, "h", &home, &err));
    must(!tdm__write_file_durably(fs, "h/raw", data, size, &err));
    if (!tdm__document_read(fs, "h/raw", "epoch", &root, &err))
        json_decref(root);
    write_sealed(fs, "h/epochs/000007", "epoch", data, size);
    read_epochs(home);
    write_sealed(fs, "h/tables/v000001/manifest", "table", data, size);
    must(tdm__table_open_name(home, "v000001", &table, &err) != TDM_OK); /* there are no records behind it */
    tdm_home_close(&home);
    tdm__fs_sim_close(&fs);
    return 0;
}
