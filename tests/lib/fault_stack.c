/* Where calls come from, told in a way that does not depend on where the loader put things. */
#include "faults.h"

#include <execinfo.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MODULES_MAX = 64, FRAMES_MAX = 48, STACKS_MAX = 1 << 14 };

static struct {
    uintptr_t base, begin, end;
    const char *name;
} modules[MODULES_MAX];
static unsigned module_count;

static struct {
    uint64_t hash, count, first;
} stacks[STACKS_MAX];
static pthread_mutex_t stacks_lock = PTHREAD_MUTEX_INITIALIZER;

static int module_take(struct dl_phdr_info *info, size_t size, void *self)
{
    (void)size;
    (void)self;
    if (module_count == MODULES_MAX)
        return 1;
    uintptr_t begin = UINTPTR_MAX, end = 0;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type != PT_LOAD)
            continue;
        uintptr_t from = info->dlpi_addr + p->p_vaddr, until = from + p->p_memsz;
        begin = from < begin ? from : begin;
        end = until > end ? until : end;
    }
    const char *slash = strrchr(info->dlpi_name, '/');
    modules[module_count].base = info->dlpi_addr;
    modules[module_count].begin = begin;
    modules[module_count].end = end;
    modules[module_count].name = slash ? slash + 1 : *info->dlpi_name ? info->dlpi_name : "program";
    module_count++;
    return 0;
}

static unsigned module_of(uintptr_t at)
{
    for (unsigned i = 0; i < module_count; i++)
        if (at >= modules[i].begin && at < modules[i].end)
            return i;
    return MODULES_MAX;
}

/* Of LeakSanitizer, where it is there: what the loader keeps for the unwinder is not the program's.
 */
__attribute__((weak)) void __lsan_disable(void);
__attribute__((weak)) void __lsan_enable(void);

void fault_stack_init(bool unwinds)
{
    void *frames[2];
    if (unwinds && __lsan_disable)
        __lsan_disable();
    if (unwinds)
        (void)backtrace(frames, 2); /* loads the unwinder, which allocates */
    if (unwinds && __lsan_enable)
        __lsan_enable();
    (void)dl_iterate_phdr(module_take, NULL);
}

/* FNV-1a, as the hash of no data that anybody chooses. */
static uint64_t mix(uint64_t hash, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        hash = (hash ^ (value >> (8 * i) & 0xff)) * UINT64_C(0x100000001b3);
    return hash;
}

uint64_t fault_stack_hash(void)
{
    void *frames[FRAMES_MAX];
    int count = backtrace(frames, FRAMES_MAX);
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (int i = 0; i < count; i++) {
        uintptr_t at = (uintptr_t)frames[i];
        unsigned module = module_of(at);
        hash = mix(hash, module == MODULES_MAX ? module : at - modules[module].base + module);
    }
    return hash;
}

void fault_place(char *out, size_t size, const void *address)
{
    uintptr_t at = (uintptr_t)address;
    unsigned module = module_of(at);
    if (module == MODULES_MAX)
        (void)snprintf(out, size, "unknown");
    else
        (void)snprintf(out, size, "%s+0x%llx", modules[module].name,
                       (unsigned long long)(at - modules[module].base));
}

void fault_stack_count(uint64_t hash, uint64_t n)
{
    (void)pthread_mutex_lock(&stacks_lock);
    size_t i = hash % STACKS_MAX, tries = 0;
    while (stacks[i].count > 0 && stacks[i].hash != hash && tries++ < STACKS_MAX)
        i = (i + 1) % STACKS_MAX;
    if (tries < STACKS_MAX) {
        stacks[i].first = stacks[i].count > 0 ? stacks[i].first : n;
        stacks[i].hash = hash;
        stacks[i].count++;
    }
    (void)pthread_mutex_unlock(&stacks_lock);
}

void fault_stack_print(int fd)
{
    for (size_t i = 0; i < STACKS_MAX; i++)
        if (stacks[i].count > 0)
            (void)dprintf(fd, "stack %016llx %llu %llu\n", (unsigned long long)stacks[i].hash,
                          (unsigned long long)stacks[i].count, (unsigned long long)stacks[i].first);
}
