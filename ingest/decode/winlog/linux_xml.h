#ifndef WINLOG_LINUX_XML_H
#define WINLOG_LINUX_XML_H
/** The XML of Sysmon for Linux as syslog carries it. */
#include <btr/json.h>

/** Whether a text begins as such an event does. */
bool win_linux_xml_begins(struct btr_span text);

struct win_linux_event {
    struct btr_json_member *members; /* in the arena */
    uint32_t count;
    bool cut; /* syslog cut the message within EventData: the members before are whole */
};

/**
 * Reads one event. Members are named as on Windows, <System>'s first: ProviderName, EventID,
 * TimeCreated, EventRecordID, Channel, Computer, then each Data by its Name. Values have their
 * references replaced; all is borrowed from the text and the arena.
 * @return 0, BTR_E_FORMAT (the text and the offset, in bytes of the event, tell where), BTR_E_NOMEM
 */
int win_linux_xml_read(struct btr_span text, struct btr_arena *arena, struct win_linux_event *out,
                       struct btr_err *err);

#endif
