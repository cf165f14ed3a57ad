/* A disk that fails, or hangs, while a file exists: loaded before the C library, see failing_disk.rs. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Only files of the ledger are on it. */
static int is_on_disk(int fd)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) {
        return 0;
    }
    path[length] = 0;
    return strstr(path, "/jobs.db") != NULL;
}

/* `what` is the suffix of the file that lets it fail. */
static int fails(int fd, const char *what)
{
    const char *name = getenv("FAILING_DISK");
    char path[4096];
    if (name == NULL) {
        return 0;
    }
    snprintf(path, sizeof path, "%s.%s", name, what);
    return access(path, F_OK) == 0 && is_on_disk(fd);
}

/* Waits for as long as the disk is to hang, and tells that it does. */
static void hang(int fd)
{
    const char *name = getenv("FAILING_DISK");
    while (fails(fd, "hang")) {
        char path[4096];
        snprintf(path, sizeof path, "%s.hangs", name);
        FILE *told = fopen(path, "w");
        if (told != NULL) {
            fclose(told);
        }
        usleep(1000);
    }
}

#define NEXT(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

/* Whether a sync is to fail: the file may say after how many that work. */
static int sync_fails(int fd)
{
    static int worked;
    char path[4096], text[16] = "";
    if (!is_on_disk(fd)) {
        return 0;
    }
    if (!fails(fd, "sync")) {
        worked = 0;
        return 0;
    }
    snprintf(path, sizeof path, "%s.sync", getenv("FAILING_DISK"));
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        text[fread(text, 1, sizeof text - 1, file)] = 0;
        fclose(file);
    }
    return worked++ >= atoi(text);
}

int fdatasync(int fd)
{
    hang(fd);
    if (sync_fails(fd)) {
        errno = EIO;
        return -1;
    }
    return NEXT(fdatasync)(fd);
}

int fsync(int fd)
{
    hang(fd);
    if (sync_fails(fd)) {
        errno = EIO;
        return -1;
    }
    return NEXT(fsync)(fd);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset)
{
    if (fails(fd, "write")) {
        errno = EIO;
        return -1;
    }
    return NEXT(pwrite64)(fd, bytes, length, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    if (fails(fd, "write")) {
        errno = EIO;
        return -1;
    }
    return NEXT(pwrite)(fd, bytes, length, offset);
}
