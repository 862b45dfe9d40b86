using Cloister.Architecture;

namespace Cloister.Driver;

/// <summary>A page that ADD_PAGE has queued (struct sgx_add_page_req); its contents wait in the backing store.</summary>
/// <param name="PageNumber">Linear page number.</param>
/// <param name="Secinfo">Type and permissions.</param>
/// <param name="Mrmask">Which of the 16 chunks of 256 bytes are measured.</param>
internal readonly record struct AddRequest(ulong PageNumber, Secinfo Secinfo, ushort Mrmask);
