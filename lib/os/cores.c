/* How many cores this process may use: its affinity, cut by the quota of its control groups.
 *
 * A container with a quota of two cores on a machine of 64 must get two threads, not 64. Both versions of control
 * groups are read; a quota on any group above ours counts. What cannot be read does not limit. */
#define _GNU_SOURCE
#include "os/cores_impl.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/threads.h"

/* A small text file as a terminated text; "" when it cannot be read. */
static void read_text(const char *path, char *out, size_t size)
{
    out[0] = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t n = read(fd, out, size - 1);
    close(fd);
    out[n > 0 ? n : 0] = 0;
}

unsigned tdm__quota_cores(const char *quota, const char *period)
{
    char *end;
    long long q = strtoll(quota, &end, 10);
    if (end == quota || q <= 0) /* "max", "-1", "" */
        return 0;
    long long p = strtoll(period, &end, 10);
    if (end == period || p <= 0)
        return 0;
    long long cores = q / p + (q % p != 0);
    return cores > 65536 ? 65536 : (unsigned)cores;
}

static unsigned group_quota(const char *root, const char *group, bool unified)
{
    char path[1024], quota[64], period[64];
    if (unified) {
        snprintf(path, sizeof path, "%s%s/cpu.max", root, group);
        read_text(path, quota, sizeof quota);
        const char *space = strchr(quota, ' ');
        return space ? tdm__quota_cores(quota, space + 1) : 0;
    }
    snprintf(path, sizeof path, "%s%s/cpu.cfs_quota_us", root, group);
    read_text(path, quota, sizeof quota);
    snprintf(path, sizeof path, "%s%s/cpu.cfs_period_us", root, group);
    read_text(path, period, sizeof period);
    return tdm__quota_cores(quota, period);
}

/* The least quota of `group` and all above it; `group` is shortened on the way. */
static unsigned least_quota(const char *root, char *group, bool unified, unsigned cores)
{
    for (;;) {
        unsigned quota = group_quota(root, group, unified);
        if (quota && quota < cores)
            cores = quota;
        char *slash = strrchr(group, '/');
        if (!slash)
            return cores;
        *slash = 0;
    }
}

/* Whether the second field of a line of /proc/self/cgroup, "cpu,cpuacct", names cpu. */
static bool has_cpu(const char *controllers, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t len = strcspn(controllers + i, ",:");
        if (len == 3 && memcmp(controllers + i, "cpu", 3) == 0)
            return true;
        i += len + 1;
    }
    return false;
}

unsigned tdm__cgroup_cores(const char *groups_file, const char *root, unsigned cores)
{
    char text[4096], group[512], mount[512];
    read_text(groups_file, text, sizeof text);
    for (char *line = text, *next; *line; line = next) {
        size_t len = strcspn(line, "\n");
        next = line + len + (line[len] == '\n');
        line[len] = 0;
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path)
            continue;
        bool unified = path == controllers + 1; /* "0::/a/b" */
        if (!unified && !has_cpu(controllers + 1, (size_t)(path - controllers - 1)))
            continue;
        snprintf(group, sizeof group, "%s", path + 1);
        snprintf(mount, sizeof mount, "%s%s", root, unified ? "" : "/cpu");
        cores = least_quota(mount, group, unified, cores);
    }
    return cores;
}

static unsigned affinity_cores(void)
{
    enum { CORES_MAX = 65536 };
    for (unsigned n = 1024; n <= CORES_MAX; n *= 2) {
        cpu_set_t *set = CPU_ALLOC(n);
        if (!set)
            break;
        size_t size = CPU_ALLOC_SIZE(n);
        int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (count > 0)
            return (unsigned)count;
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}

unsigned tdm__cores(void)
{
    return tdm__cgroup_cores("/proc/self/cgroup", "/sys/fs/cgroup", affinity_cores());
}
