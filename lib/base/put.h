/* Writing into room that was reserved before: each call returns where the next one goes. The caller has counted. */
#ifndef TDM_BASE_PUT_H
#define TDM_BASE_PUT_H

#include <string.h>

static inline char *tdm__put(char *to, const char *text, size_t n)
{
    memcpy(to, text, n);
    return to + n;
}

#define TDM__PUT(to, literal) tdm__put((to), (literal), sizeof(literal) - 1)

static inline char *tdm__put_text(char *to, const char *z)
{
    return tdm__put(to, z, strlen(z));
}

#endif
