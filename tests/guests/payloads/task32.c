/* Task switches of the hardware: far CALL, JMP and IRET between TSSs with page tables of their own, #PF through a task
   gate, and interrupts and #PFs through 16-bit gates */
#include "lib.h"
struct tss { u32 link,esp0,ss0,esp1,ss1,esp2,ss2,cr3,eip,eflags,r[8],es,cs,ss,ds,fs,gs,ldt,iomap; };
struct tss main_tss __attribute__((aligned(128))), pf_tss __attribute__((aligned(128))), call_tss __attribute__((aligned(128)));
static u64 gdt[16] __attribute__((aligned(4096)));
static u64 ldt[4];
static u8 stacks[3][4096] __attribute__((aligned(4096)));
u32 calls, ints;
#define PD1 0x200000u
#define PD2 0x280000u
#define WINDOW 0x1800000u                 /* mapped elsewhere in the second address space */
static inline u32 *pte(u32 pd,u32 va){ return (u32*)((rd32(pd+(va>>22)*4)&~0xfffu)+((va>>12)&1023)*4); }
void pf_c(u32 cr2,u32 err){ die(0x40); }
void pf_task(u32 cr2,u32 err){
  npf++; mix(cr2); mix(err); mix(rd32(WINDOW));            /* through PD2 */
  wr32((ux)pte(PD1,cr2),(cr2&~0xfffu)|3);
}
__asm__(".global pf_entry\npf_entry: mov %cr2,%eax\n push %eax\n call pf_task\n add $8,%esp\n iret\n jmp pf_entry\n"
        ".global call_entry\ncall_entry: incl calls\n mov 0x1800000,%eax\n mov %eax,call_saw\n iret\n jmp call_entry\n"
        /* what runs below 64 KiB, copied there: a 16-bit frame holds no more */
        ".global low_code, low_end\nlow_code:\n"
        "int $0x41\n ret\n .org low_code+0x10\n"
        "movb $7,(%eax)\n ret\n .org low_code+0x20\n"
        "incl ints\n iretw\n .org low_code+0x30\n"
        "push %eax\n push %ebx\n mov %cr2,%eax\n mov %eax,%ebx\n and $0xfffff000,%ebx\n or $3,%ebx\n shr $12,%eax\n and $1023,%eax\n"
        "mov %ebx,0x218000(,%eax,4)\n incl ints\n pop %ebx\n pop %eax\n add $2,%esp\n iretw\n"
        "low_end:\n");
u32 call_saw;
extern u8 pf_entry[], call_entry[], low_code[], low_end[];
static void descriptor(u32 i,u32 base,u32 limit,u32 type){ gdt[i]=(limit&0xffff)|((u64)(base&0xffffff)<<16)|((u64)type<<40)|((u64)(base>>24)<<56); }
static void tss_set(struct tss*t,u32 pd,u8*entry,u8*stack){ t->cr3=pd; t->eip=(u32)entry; t->eflags=2; t->r[4]=(u32)stack+4096; t->es=t->ss=t->ds=t->fs=t->gs=0x10; t->cs=0x08; t->ldt=0x38; t->iomap=104<<16; }
static inline void far_call(u16 sel){ struct __attribute__((packed)){u32 o;u16 s;} p={0,sel}; __asm__ volatile("lcall *%0"::"m"(p):"memory"); }
void main(void){
  idt_init();
  for(u32 i=0;i<1024;i++){ wr32(PD1+i*4,0); wr32(PD2+i*4,0); }
  for(u32 i=0;i<16;i++) wr32(PD1+i*4,(0x210000+i*0x1000)|3), wr32(PD2+i*4,(0x230000+i*0x1000)|3);
  /* the leaf table of 24 to 28 MiB is at 0x216000, that of 32 at 0x218000 */
  for(u32 i=0;i<16*1024;i++){ wr32(0x210000+i*4,i*0x1000+3); wr32(0x230000+i*4,i*0x1000+3); }
  for(u32 i=0;i<4;i++) wr32((ux)pte(PD2,WINDOW+i*0x1000),0x2800003+i*0x1000);
  wr32(WINDOW,0x11111111); wr32(0x2800000,0x22222222);
  gdt[1]=0x00CF9B000000FFFFull; gdt[2]=0x00CF93000000FFFFull;
  descriptor(4,(u32)&main_tss,103,0x89); descriptor(5,(u32)&pf_tss,103,0x89); descriptor(6,(u32)&call_tss,103,0x89); descriptor(7,(u32)ldt,31,0x82);
  struct __attribute__((packed)){u16 l;u32 b;} d={sizeof gdt-1,(u32)gdt};
  __asm__ volatile("lgdt %0; ljmp $8,$1f; 1: lldt %w1; ltr %w2"::"m"(d),"r"(0x38),"r"(0x20));
  main_tss.cr3=PD1; main_tss.iomap=104<<16;
  tss_set(&pf_tss,PD2,pf_entry,stacks[0]); tss_set(&call_tss,PD2,call_entry,stacks[1]);
  idt[14]=(u64)0x28<<16|(u64)0x8500<<32;                   /* a task gate */
  for(u32 i=0;i<(u32)(low_end-low_code);i++) wr8(0x6000+i,low_code[i]);
  set_cr3(PD1); set_cr0(get_cr0()|0x80010000);
  CK(1);
  for(u32 i=0;i<7;i++){
    u32 va=0x1900000+i*0x3000; wr32((ux)pte(PD1,va),0); invlpg(va);
    if(i&1) wr8(va+i,i); else mix(rd8(va+i));              /* #PF */
    far_call(0x30); mix(call_saw); mix(rd32(WINDOW));
  }
  CK(2);
  u64 g41=0x6020|(0x08ull<<16)|(0x8600ull<<32), g14=0x6030|(0x08ull<<16)|(0x8700ull<<32);
  struct __attribute__((packed)){u16 l;u32 b;} di={0x42*8-1,0x2a00000};
  for(u32 i=0;i<0x42*8;i+=4) wr32(0x2a00000+i,i<256?rd32((u32)idt+i):0);
  *(volatile u64*)(0x2a00000+0x41*8)=g41; *(volatile u64*)(0x2a00000+14*8)=g14;
  __asm__ volatile("lidt %0"::"m"(di));
  for(u32 i=0;i<5;i++){
    ((void(*)(void))0x6000)();
    u32 va=0x2000000+i*0x1000; wr32(0x218000+i*4,0); invlpg(va);
    __asm__ volatile("call *%1"::"a"(va),"r"(0x6010):"memory");
    mix(rd8(va));
  }
  CK(3);
  put_hex(npf); put_hex(calls); put_hex(ints); put_hex(sum);
}
