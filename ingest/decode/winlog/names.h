#ifndef WINLOG_NAMES_H
#define WINLOG_NAMES_H
/** Names of members that are asked for: found once when a record is read, and a number from then on. */
#include <btr/span.h>

/* As the event and its shippers write them; an identifier has no dots. In order. */
#define WIN_NAMES_ALL(X) \
    X(AccessMask, "AccessMask") \
    X(ActionType, "ActionType") \
    X(Application, "Application") \
    X(CallerProcessId, "CallerProcessId") \
    X(CallerProcessName, "CallerProcessName") \
    X(Channel, "Channel") \
    X(ClientProcessId, "ClientProcessId") \
    X(CommandLine, "CommandLine") \
    X(Computer, "Computer") \
    X(computer_name, "computer_name") \
    X(ConnectionId, "ConnectionId") \
    X(Consumer, "Consumer") \
    X(CurrentDirectory, "CurrentDirectory") \
    X(DestAddress, "DestAddress") \
    X(Destination, "Destination") \
    X(DestinationAddress, "DestinationAddress") \
    X(DestinationIp, "DestinationIp") \
    X(DestinationPort, "DestinationPort") \
    X(DestPort, "DestPort") \
    X(Details, "Details") \
    X(Device, "Device") \
    X(Direction, "Direction") \
    X(event_code, "event.code") \
    X(event_created, "event.created") \
    X(event_id, "event_id") \
    X(EventID, "EventID") \
    X(EventId, "EventId") \
    X(EventLog, "EventLog") \
    X(EventRecordID, "EventRecordID") \
    X(EventSourceName, "EventSourceName") \
    X(EventTime, "EventTime") \
    X(EventType, "EventType") \
    X(ExecutionProcessID, "ExecutionProcessID") \
    X(Filter, "Filter") \
    X(GrantedAccess, "GrantedAccess") \
    X(Hash, "Hash") \
    X(Hashes, "Hashes") \
    X(host_name, "host.name") \
    X(Hostname, "Hostname") \
    X(Image, "Image") \
    X(ImageLoaded, "ImageLoaded") \
    X(ImagePath, "ImagePath") \
    X(Initiated, "Initiated") \
    X(IpAddress, "IpAddress") \
    X(IpPort, "IpPort") \
    X(LinksEstablished, "LinksEstablished") \
    X(log_name, "log_name") \
    X(LogonId, "LogonId") \
    X(message, "message") \
    X(Message, "Message") \
    X(Name, "Name") \
    X(NewName, "NewName") \
    X(NewProcessId, "NewProcessId") \
    X(NewProcessName, "NewProcessName") \
    X(ObjectName, "ObjectName") \
    X(ObjectType, "ObjectType") \
    X(Operation, "Operation") \
    X(OperationName, "OperationName") \
    X(ParentCommandLine, "ParentCommandLine") \
    X(ParentImage, "ParentImage") \
    X(ParentProcessGuid, "ParentProcessGuid") \
    X(ParentProcessGUID, "ParentProcessGUID") \
    X(ParentProcessId, "ParentProcessId") \
    X(ParentProcessName, "ParentProcessName") \
    X(ParentUser, "ParentUser") \
    X(PipeName, "PipeName") \
    X(process_id, "process_id") \
    X(ProcessGuid, "ProcessGuid") \
    X(ProcessGUID, "ProcessGUID") \
    X(ProcessId, "ProcessId") \
    X(ProcessID, "ProcessID") \
    X(ProcessName, "ProcessName") \
    X(Protocol, "Protocol") \
    X(Provider, "Provider") \
    X(ProviderName, "ProviderName") \
    X(QueryName, "QueryName") \
    X(record_number, "record_number") \
    X(RecordNumber, "RecordNumber") \
    X(RelativeTargetName, "RelativeTargetName") \
    X(ServiceFileName, "ServiceFileName") \
    X(ServiceName, "ServiceName") \
    X(ShareLocalPath, "ShareLocalPath") \
    X(ShareName, "ShareName") \
    X(Signature, "Signature") \
    X(Source, "Source") \
    X(source_name, "source_name") \
    X(SourceAddress, "SourceAddress") \
    X(SourceImage, "SourceImage") \
    X(SourceIp, "SourceIp") \
    X(SourceModuleType, "SourceModuleType") \
    X(SourceName, "SourceName") \
    X(SourcePort, "SourcePort") \
    X(SourceProcessGuid, "SourceProcessGuid") \
    X(SourceProcessGUID, "SourceProcessGUID") \
    X(SourceProcessId, "SourceProcessId") \
    X(SourceUser, "SourceUser") \
    X(State, "State") \
    X(SubjectDomainName, "SubjectDomainName") \
    X(SubjectLogonId, "SubjectLogonId") \
    X(SubjectUserName, "SubjectUserName") \
    X(SyslogMessage, "SyslogMessage") \
    X(TargetDomainName, "TargetDomainName") \
    X(TargetFilename, "TargetFilename") \
    X(TargetImage, "TargetImage") \
    X(TargetLogonId, "TargetLogonId") \
    X(TargetObject, "TargetObject") \
    X(TargetProcessGuid, "TargetProcessGuid") \
    X(TargetProcessGUID, "TargetProcessGUID") \
    X(TargetProcessId, "TargetProcessId") \
    X(TargetUser, "TargetUser") \
    X(TargetUserName, "TargetUserName") \
    X(TaskContent, "TaskContent") \
    X(TaskContentNew, "TaskContentNew") \
    X(TaskName, "TaskName") \
    X(TimeCreated, "TimeCreated") \
    X(TimeGenerated, "TimeGenerated") \
    X(timestamp, "@timestamp") \
    X(Type, "Type") \
    X(User, "User") \
    X(UtcTime, "UtcTime") \
    X(winlog_channel, "winlog.channel") \
    X(winlog_computer_name, "winlog.computer_name") \
    X(winlog_event_id, "winlog.event_id") \
    X(winlog_process_pid, "winlog.process.pid") \
    X(winlog_provider_name, "winlog.provider_name") \
    X(winlog_record_id, "winlog.record_id")

#define WIN_NAME_ENTRY(id, text) WIN_NAME_##id,
enum win_name { WIN_NAME_NONE, WIN_NAMES_ALL(WIN_NAME_ENTRY) WIN_NAMES };
#undef WIN_NAME_ENTRY

#define WIN_NAME(id) WIN_NAME_##id

/** @return WIN_NAME_NONE for one that nobody asks for */
enum win_name win_name_find(struct btr_span text);
struct btr_span win_name_text(enum win_name name);

#endif
