/* A vCPU that is plugged in while the first one runs: this one asks for it by INIT and SIPI until it answers, then both
   work at once, the new one through a map of its own. Machine: -smp 1,sockets=2,maxcpus=2, and device_add of the second. */
#include "lib.h"
const u32 boot_2m=0, boot_leaf=7;
#define APIC 0xFEE00000ull
#define TRAMPOLINE 0x8000ull
#define TOP 0x2400000ull
void pf_c(u64 cr2,u64 err,u64*fr){ npf++; die(0x41); }
extern u8 ap_code[], ap_end[];
__asm__(
".code16\nap_code:\n cli\n xor %ax,%ax\n mov %ax,%ds\n mov %ax,%ss\n mov $0x7000,%sp\n"
" mov $0x9000,%bx\n mov $64,%cx\n1: incw (%bx)\n add $64,%bx\n loop 1b\n"            /* real mode, identity */
" mov $0x20,%eax\n mov %eax,%cr4\n mov $0xC0000080,%ecx\n xor %edx,%edx\n mov $0x100,%eax\n wrmsr\n"
" mov $0x2400000,%eax\n mov %eax,%cr3\n mov $0x80000011,%eax\n lgdtl 0x7f10\n mov %eax,%cr0\n"
" ljmpl $0x18,$(0x8000+4f-ap_code)\n.code64\n"
"4: mov $0x7f02,%eax\n lock incw (%rax)\n"                                              /* here it is */
" mov $2000,%edx\n6: mov $0x9000,%rbx\n mov $256,%ecx\n5: incb (%rbx)\n add $16,%rbx\n loop 5b\n dec %edx\n jnz 6b\n"
" mov $0x7f02,%eax\n lock incw (%rax)\n7: hlt\n jmp 7b\n"
"ap_end:\n.code64\n");
static void ap_tables(void){             /* 0x8000 and 0x7000 where they are, 0x9000 elsewhere */
  for(u32 i=0;i<4*512;i++) wr64(TOP+i*8,0);
  wr64(TOP,(TOP+0x1000)|3); wr64(TOP+0x1000,(TOP+0x2000)|3); wr64(TOP+0x2000,(TOP+0x3000)|3);
  for(u32 i=0;i<512;i++) wr64(TOP+0x3000+i*8,(i==9?0x2500000ull:(u64)i<<12)|3);
}
static u16 state(void){ return *(volatile u16*)0x7f02; }
static void ipi(u32 v){ wr32(APIC+0x310,1<<24); wr32(APIC+0x300,v); while(rd32(APIC+0x300)&0x1000); }
void main(void){
  idt_init();
  for(u32 i=0;i<(u32)(ap_end-ap_code);i++) wr8(TRAMPOLINE+i,ap_code[i]);
  for(u32 i=0;i<512;i++){ wr64(0x2410000+i*8,0); }
  wr64(0x201000+24,0x2410003); wr64(0x2410000+((APIC>>21)&511)*8,0xFEE00083|0x18);
  set_cr3(get_cr3());
  wr32(0x7f10,0x3f|((u32)(u64)gdt64<<16)); wr32(0x7f14,(u32)((u64)gdt64>>16)); wr32(0x7f00,0);
  for(u32 i=0;i<4096;i+=4) wr32(0x9000+i,0), wr32(0x2500000+i,0);
  ap_tables(); wr32(APIC+0xf0,0x1ff);
  CK(1); put_hex(1);                     /* who watches the console plugs it in now */
  while(!state()){ ipi(0x4500); ipi(0x4608); for(u32 i=0;i<500000&&!state();i++) __asm__ volatile("pause"); }
  for(u32 n=0;state()<2;n++){ wr8(0x2600000+(n&15)*4096,n); wr64(PTE(0x2600000+(n&15)*4096),(0x2600000+((n+1)&15)*4096)|7); invlpg(0x2600000+(n&15)*4096); }
  for(u32 i=0;i<4096;i+=16) mix(rd8(0x2500000+i));
  CK(2);
  put_hex(sum);
}
