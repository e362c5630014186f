/* The simulated disk: a file system in memory that fails on purpose.
 *
 * Names and bytes have two states, what the process sees and what the disk holds. A crash keeps what was
 * synced and, of the rest, a random choice: each unsynced write may be kept, lost, or torn at a 512-byte
 * sector; writes survive in any order; names that were not synced into their folder may be old or new. All
 * choices come from one seed. A rename is done wholly or not, and one that is done brings along all earlier changes of
 * the names it touches. After a crash all handles are dead (TDM_IO) and the file system goes on from
 * what survived. */
#ifndef TDM_OS_SIM_FILES_H
#define TDM_OS_SIM_FILES_H

#include "os/files.h"

tdm__fs *tdm__fs_sim_new(uint64_t seed); /* NULL when out of memory */
void tdm__fs_sim_close(tdm__fs **fs); /* after all its files, locks and mappings */
/* Power is lost now. */
void tdm__fs_sim_crash(tdm__fs *fs);
/* Power is lost inside the n-th mutating call from now (1 = the next): it and all later calls fail with TDM_IO until
 * tdm__fs_sim_crash is called; the interrupted call may have been done in part. 0 switches it off. */
void tdm__fs_sim_crash_at(tdm__fs *fs, uint64_t n);
/* Mutating calls so far: what crash_at counts. Opening counts when it makes or empties the file. */
uint64_t tdm__fs_sim_calls(const tdm__fs *fs);
/* The n-th mutating call from now fails with `status` and the world goes on. A write may have been done in part; after
 * a failed sync what was not synced is in doubt for ever, whatever later syncs say. 0 switches it off. */
void tdm__fs_sim_fail_at(tdm__fs *fs, uint64_t n, tdm_status status);
/* Bytes that fit in all; beyond it TDM_DISK_FULL. UINT64_MAX is no limit. */
void tdm__fs_sim_capacity(tdm__fs *fs, uint64_t bytes);
/* Syncs that report success and do nothing (a lying disk), from now on. */
void tdm__fs_sim_lie(tdm__fs *fs, bool lying);

#endif
