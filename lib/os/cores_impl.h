/* The parts of cores.c that its test calls. */
#ifndef TDM_OS_CORES_IMPL_H
#define TDM_OS_CORES_IMPL_H

#include <stdbool.h>

/* Cores that a quota in microseconds per period gives, rounded up; 0 when it does not limit. */
unsigned tdm__quota_cores(const char *quota, const char *period);
/* `cores`, or fewer when a control group of `groups_file` (as /proc/self/cgroup) has a smaller quota below `root`. */
unsigned tdm__cgroup_cores(const char *groups_file, const char *root, unsigned cores);

#endif
